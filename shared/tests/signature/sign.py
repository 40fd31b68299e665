"""Signs sts:GetCallerIdentity as botocore does, for the cases on standard input; writes them with their headers."""

import datetime
import json
import sys

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def signed(case):
    """The headers of one case, by name in lower case."""
    now = datetime.datetime.fromtimestamp(case["now"] // 1000, datetime.timezone.utc)

    class Frozen(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return now.astimezone(tz) if tz else now.replace(tzinfo=None)

        @classmethod
        def utcnow(cls):
            return now.replace(tzinfo=None)

    # Older releases ask the time through `datetime`, newer ones through a function of their own.
    if hasattr(botocore.auth, "get_current_datetime"):
        botocore.auth.get_current_datetime = lambda *_, **__: now.replace(tzinfo=None)
    botocore.auth.datetime = type("Module", (), {"datetime": Frozen})
    region = case["region"]
    request = AWSRequest(
        method="POST",
        url=f"https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        headers={"x-goog-cloud-target-resource": case["audience"]},
        data="",
    )
    credentials = Credentials(case["access_key"], case["secret_key"], case["session_token"])
    botocore.auth.SigV4Auth(credentials, "sts", region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


cases = json.load(sys.stdin)
json.dump([dict(case, signed=signed(case)) for case in cases], sys.stdout, indent=1)
