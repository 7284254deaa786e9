"""Fixtures that tests of several rooms use."""

from tests.browser import browser as browser
from tests.browser import complaints as complaints
from tests.browser import context as context
from tests.browser import page as page
