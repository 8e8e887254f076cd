"""The auth service's own part of an export."""

import json

from mizzap_common.contracts import accounts, exporting, requests


async def test_the_account_s_own_part(auth, email) -> None:
    made = await auth.register(email, full_name="Ada L.")
    pages = []
    cursor = None
    while True:
        question = exporting.ExportPageRequest(user_id=made.user.id, cursor=cursor)
        pages.append(await auth.bus.ask(requests.AUTH_EXPORT, question))
        cursor = pages[-1].next_cursor
        if cursor is None:
            break
    assert [page.file for page in pages] == ["account.json", "sessions.jsonl"]
    (account,) = pages[0].items
    assert accounts.User.model_validate(account) == made.user
    (session,) = pages[1].items
    assert session["revokedAt"] is None and "password" not in json.dumps([page.items for page in pages]).lower()
