"""How the REST API reads a body."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser


class TooLarge(APIException):
    status_code = 413
    default_detail = "The body is larger than 1 MiB."
    default_code = "too_large"


class StrictJsonParser(JSONParser):
    """DRF's, except that what it stumbles over is the caller's error and not ours."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply.") from None
        except LookupError:
            raise ParseError("JSON parse error - unknown charset.") from None
