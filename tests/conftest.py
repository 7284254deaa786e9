"""Fixtures that tests of several rooms use."""

from tests.chromium import browser as browser
from tests.chromium import complaints as complaints
from tests.chromium import context as context
from tests.chromium import page as page
from tests.sandbox_server import sandbox as sandbox
from tests.sandbox_server import sandbox_process as sandbox_process
from tests.web_server import web_server as web_server
