"""Tasks: a page, one, a new one."""

import uuid

from django.db import transaction
from django.http import Http404, HttpResponseNotModified
from django.utils import timezone
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.models import Audit, Membership, Outbox, Task
from bench.pages import Counted, Keyset

TOLD = [
    "id", "team_id", "title", "description", "status", "priority", "owner_id", "due_at", "completed_at",
    "is_archived", "version", "created_by", "created_at", "updated_at",
]  # fmt: skip
GIVEN = ["team_id", "title", "description", "status", "priority", "owner_id", "due_at"]


class TaskSerializer(serializers.ModelSerializer):
    class Meta:
        model = Task
        fields = TOLD
        read_only_fields = [name for name in TOLD if name not in GIVEN]
        extra_kwargs = {"priority": {"min_value": 0, "max_value": 4}}


def of(request):
    """The tasks of the caller's teams."""
    teams = Membership.objects.filter(user_id=request.user.id).values_list("team_id", flat=True)
    return Task.objects.filter(team_id__in=list(teams))


class Tasks(ListAPIView):
    serializer_class = TaskSerializer
    pagination_class = Keyset

    @property
    def paginator(self):
        if not hasattr(self, "_paginator"):
            self._paginator = Counted() if "page" in self.request.query_params else Keyset()
        return self._paginator

    def get_queryset(self):
        return of(self.request).filter(is_archived=False).order_by("-created_at", "-id")

    def post(self, request):
        serializer = TaskSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        task = create(serializer.validated_data, uuid.UUID(request.user.id))
        headers = {"Location": f"/api/v1/tasks/{task.id}", "ETag": '"1"'}
        told = {"data": TaskSerializer(task).data, "error": None, "meta": {}}
        return Response(told, status=201, headers=headers)


class OneTask(APIView):
    def get(self, request, task):
        held = request.headers.get("If-None-Match")
        if held is not None:
            version = of(request).filter(id=task).values_list("version", flat=True).first()
            if held == f'"{version}"':
                return HttpResponseNotModified(headers={"ETag": held})
        found = of(request).filter(id=task).first()
        if found is None:
            raise Http404
        told = {"data": TaskSerializer(found).data, "error": None, "meta": {}}
        return Response(told, headers={"ETag": f'"{found.version}"'})


@transaction.atomic
def create(given, caller):
    """Adds the task with its audit row and event."""
    team = given["team_id"]
    if not Membership.objects.filter(team_id=team, user_id=caller).exclude(role="viewer").exists():
        raise Http404
    now = timezone.now()
    done = now if given.get("status") == "done" else None
    task = Task(created_by=caller, created_at=now, updated_at=now, completed_at=done, **given)
    task.save(force_insert=True)
    told = TaskSerializer(task).data
    fields = {name: told[name] for name in [*GIVEN[1:], "is_archived"] if told[name] is not None}
    Audit.objects.create(
        entity="task",
        entity_id=task.id,
        team_id=team,
        actor=caller,
        action="task.created",
        diff={name: {"before": None, "after": value} for name, value in fields.items()},
        request_id=str(uuid.uuid4()),
        at=now,
    )
    payload = {name: told[name] for name in ("team_id", "title", "status", "owner_id", "due_at", "version")} | {
        "task_id": str(task.id),
        "actor_id": str(caller),
        "occurred_at": told["created_at"],
        "changed": sorted(fields),
    }
    Outbox.objects.create(
        topic="task-events",
        event_type="task.created.v1",
        entity_id=task.id,
        version=1,
        payload=payload,
        actor=caller,
        created_at=now,
    )
    return task
