"""Signs in, registers a sample, reads it back and finds it in the list, by the generated client.

Takes the folder that the client is in, and the URL of a mesh.
"""

import sys
from http import HTTPStatus

folder, url = sys.argv[1:]
sys.path.insert(0, folder)

from spectra_client import AuthenticatedClient, Client
from spectra_client.api.sample_service import (
    sample_service_create_sample as create_sample,
    sample_service_get_sample as get_sample,
    sample_service_list_samples as list_samples,
)
from spectra_client.api.session_service import session_service_sign_in as sign_in
from spectra_client.models import ListSamplesResponse, Problem, Sample, SampleInput, SignInRequest, TokenPair

tokens = sign_in.sync(client=Client(base_url=url), body=SignInRequest(username="engineer@demo.lab", password="eng123"))
assert isinstance(tokens, TokenPair), tokens
client = AuthenticatedClient(base_url=url, token=tokens.access_token)

made = create_sample.sync_detailed(client=client, body=SampleInput(name="by Python", lot_code="L-1"), idempotency_key="round-trip")
assert made.status_code == HTTPStatus.CREATED, made
sample = made.parsed
assert isinstance(sample, Sample) and (sample.name, sample.lot_code, sample.location) == ("by Python", "L-1", None), sample

read = get_sample.sync(client=client, id=sample.id)
assert read == sample, read
page = list_samples.sync(client=client, lot_code="L-1", limit=10, count=True)
assert isinstance(page, ListSamplesResponse) and page.items == [sample], page
assert page.pagination is not None and page.pagination.total == 1, page

refused = create_sample.sync(client=client, body=SampleInput(name=" "))
assert isinstance(refused, Problem) and refused.errors[0].field == "name", refused
