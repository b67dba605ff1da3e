"""What Python imports first in the servers under test, whose PYTHONPATH begins here."""

import loopback

loopback.install()
