"""Sign-in and refresh by simplejwt: refresh tokens are exchanged once, which its black list sees to."""

import uuid

from rest_framework.response import Response
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView


class Pair(TokenObtainPairSerializer):
    @classmethod
    def get_token(cls, user):
        token = super().get_token(user)
        token["sid"] = str(uuid.uuid4())
        token["adm"] = user.is_admin
        return token


class InEnvelope:
    def post(self, request):
        pair = super().post(request).data
        pair["token_type"] = "Bearer"
        pair["expires_in"] = int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds())
        return Response({"data": pair, "error": None, "meta": {}})


class Login(InEnvelope, TokenObtainPairView):
    serializer_class = Pair


class Refresh(InEnvelope, TokenRefreshView):
    pass
