"""The routes."""

from django.urls import path

from bench import tasks, tokens

urlpatterns = [
    path("api/v1/tasks", tasks.Tasks.as_view()),
    path("api/v1/tasks/<uuid:task>", tasks.OneTask.as_view()),
    path("api/v1/auth/login", tokens.Login.as_view()),
    path("api/v1/auth/refresh", tokens.Refresh.as_view()),
]
