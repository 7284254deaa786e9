from tests.web_server import web_server as web_server
