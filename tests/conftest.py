"""Fixtures that tests of several rooms use."""

from tests.chromium import browser as browser
from tests.chromium import complaints as complaints
from tests.chromium import context as context
from tests.chromium import page as page
from tests.database import (
    django_db_modify_db_settings_parallel_suffix as django_db_modify_db_settings_parallel_suffix,
)
from tests.database import django_db_setup as django_db_setup
from tests.lock_order import locks_are_taken_in_order as locks_are_taken_in_order
from tests.looks import every_look_is_recorded as every_look_is_recorded
from tests.looks import watched_looks as watched_looks
from tests.recorded import every_write_is_recorded as every_write_is_recorded
from tests.recorded import watched_requests as watched_requests
from tests.sandbox_server import sandbox as sandbox
from tests.sandbox_server import sandbox_process as sandbox_process
from tests.two_patients import ada as ada
from tests.two_patients import bo as bo
from tests.two_patients import by as by
from tests.vendor import stub as stub
from tests.web_server import web_server as web_server
