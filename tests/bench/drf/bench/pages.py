"""Pages by a cursor, and the counted ones that Django REST framework gives unless told otherwise."""

from urllib.parse import parse_qs, urlsplit

from rest_framework.pagination import CursorPagination, PageNumberPagination
from rest_framework.response import Response


class Keyset(CursorPagination):
    ordering = ("-created_at", "-id")
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 100

    def get_paginated_response(self, data):
        link = self.get_next_link()
        following = parse_qs(urlsplit(link).query)["cursor"][0] if link else None
        return Response({"data": data, "error": None, "meta": {"page": {"next": following}}})


class Counted(PageNumberPagination):
    page_size_query_param = "limit"
    page_size = 50
    max_page_size = 100

    def get_paginated_response(self, data):
        return Response({"data": data, "error": None, "meta": {"page": {"count": self.page.paginator.count}}})
