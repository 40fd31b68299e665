"""Runs schemathesis as its command line does, with the arguments given."""

import sys

from schemathesis.cli import schemathesis

sys.exit(schemathesis())
