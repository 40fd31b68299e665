"""moto's server, with what it does otherwise than AWS put right: KMS signs a digest as it is, and tells the key's ARN with
a public key. A bucket's policy is kept and not evaluated, since moto knows no conditions: it would refuse everything. Who
may do what is evaluated elsewhere.
"""

import base64
import json
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.iam.access_control import PermissionResult
from moto.kms.responses import KmsResponse
from moto.s3.models import FakeBucket
from moto.server import main

signed, told = KmsResponse.sign, KmsResponse.get_public_key


def sign(self):
    if self._get_param("MessageType") != "DIGEST":
        return signed(self)
    key = self.kms_backend.describe_key(self._get_param("KeyId"))
    how = ec.ECDSA(Prehashed(hashes.SHA256()))
    signature = base64.b64encode(key.private_key.private_key.sign(self._get_param("Message"), how)).decode()
    return json.dumps({"KeyId": key.arn, "Signature": signature, "SigningAlgorithm": "ECDSA_SHA_256"})


def get_public_key(self):
    answer = json.loads(told(self))
    answer["KeyId"] = self.kms_backend.describe_key(answer["KeyId"]).arn
    return json.dumps(answer)


KmsResponse.sign, KmsResponse.get_public_key = sign, get_public_key
FakeBucket.get_permission = lambda bucket, action, resource: PermissionResult.NEUTRAL
sys.exit(main())
