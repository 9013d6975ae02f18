"""Reads credentials files as botocore does, and so the AWS CLI and boto3: `read_botocore.py LIST`, a file with one
path a line. Prints one line of JSON for each: its profiles, or null if botocore refuses the whole file.

Beside its keys each profile has what the provider of credentials makes of them, under a name that is no key."""

import json
import sys

from botocore.configloader import raw_config_parse
from botocore.credentials import SharedCredentialProvider
from botocore.exceptions import ConfigParseError, PartialCredentialsError


def credentials(parsed, profile):
    provider = SharedCredentialProvider("", profile, ini_parser=lambda _: parsed)
    try:
        found = provider.load()
    except PartialCredentialsError:
        return "partial"
    return found and [found.access_key, found.secret_key, found.token]


def profiles(path):
    try:
        parsed = raw_config_parse(path)
    except ConfigParseError:
        return None
    return {name: keys | {"as credentials": credentials(parsed, name)} for name, keys in parsed.items()}


with open(sys.argv[1], encoding="utf-8") as paths:
    for path in paths:
        print(json.dumps(profiles(path.rstrip("\n"))))
