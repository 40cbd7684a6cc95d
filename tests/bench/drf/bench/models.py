"""The platform's tables, which Django does not manage."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.hashers import check_password
from django.db import models
from django.db.models.functions import Lower


class PhcField(models.CharField):
    """A hash as others write it; Django wants the name of its algorithm in front."""

    def from_db_value(self, value, expression, connection):
        return value and f"argon2{value}"


class Users(BaseUserManager):
    def get_by_natural_key(self, username):
        # By the table's index.
        return self.annotate(lowered=Lower("email")).get(lowered=username.lower(), is_archived=False)


class User(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.TextField(unique=True)
    password = PhcField(db_column="password_hash", max_length=200)
    is_admin = models.BooleanField()
    is_archived = models.BooleanField()
    last_login = None

    USERNAME_FIELD = "email"
    objects = Users()

    class Meta:
        managed = False
        db_table = "users"

    def check_password(self, raw_password):
        # Without the renewal of a hash: its parameters are meant to be these.
        return check_password(raw_password, self.password)


class Membership(models.Model):
    pk = models.CompositePrimaryKey("team_id", "user_id")
    team_id = models.UUIDField()
    user_id = models.UUIDField()
    role = models.TextField()

    class Meta:
        managed = False
        db_table = "memberships"


class Task(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    team_id = models.UUIDField()
    title = models.CharField(max_length=200)
    description = models.CharField(max_length=20_000, blank=True, default="")
    status = models.CharField(max_length=5, choices=[(one, one) for one in ("todo", "doing", "done")], default="todo")
    priority = models.SmallIntegerField(default=0)
    owner_id = models.UUIDField(null=True)
    due_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    is_archived = models.BooleanField(default=False)
    version = models.BigIntegerField(default=1)
    created_by = models.UUIDField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "tasks"


class Audit(models.Model):
    entity = models.TextField()
    entity_id = models.UUIDField()
    team_id = models.UUIDField()
    actor = models.UUIDField()
    action = models.TextField()
    diff = models.JSONField()
    request_id = models.TextField()
    at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "audit"


class Outbox(models.Model):
    event_id = models.UUIDField(default=uuid.uuid4)
    topic = models.TextField()
    event_type = models.TextField()
    entity_id = models.UUIDField()
    version = models.BigIntegerField()
    payload = models.JSONField()
    actor = models.UUIDField()
    created_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "outbox"
