"""What a GitHub App asks for: tokens of its installations, and the deliveries of its webhook."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from githubkit_schemas.v2026_03_10.rest.apps import AppsClient

from .description import example, models
from .routes import Call, Refusal, Reply, route

APP = "app"  # no permission that anybody is granted: what an App does as itself
LOGIN = "perflint[bot]"


@route(AppsClient.create_installation_access_token, APP)
def create_token(call: Call) -> Reply:
    """A token that holds for an hour, for no more repositories and permissions than asked for."""
    from .server import Account

    granted = call.github.installations.get(int(call.values["installation_id"]))
    if granted is None:
        raise Refusal(404, "Not Found")
    asked = (call.content or {}).get("permissions") or granted
    repositories = (call.content or {}).get("repository_ids")
    order = ("read", "write")
    for name, kind in asked.items():
        if name not in granted or order.index(granted[name]) < order.index(kind):
            raise Refusal(422, "The permissions requested are not granted to this installation.")
    if repositories is not None and repositories != [1]:
        raise Refusal(422, "There is at least one repository that does not exist or is not yours.")
    token = f"ghs_{call.github.next_number():032d}"
    # Whoever may do anything with a repository may read what is public of it.
    may = {"metadata": "read", **asked}
    call.github.accounts[token] = Account(LOGIN, permissions=may, usual="")
    call.github.made_tokens.append((token, repositories, dict(asked)))
    expires = datetime.now(UTC) + timedelta(seconds=call.github.token_seconds)
    made = {
        "token": token,
        "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "permissions": may,
    }
    return Reply(201, made)


@route(AppsClient.list_webhook_deliveries, APP)
def list_deliveries(call: Call) -> Reply:
    """The newest first; pages are told apart by a cursor."""
    begin = int(call.query.get("cursor", "0"))
    size = int(call.query.get("per_page", "30"))
    every = call.github.deliveries
    rest = f"{call.github.url}/app/hook/deliveries?per_page={size}&cursor={begin + size}"
    more = {"Link": f'<{rest}>; rel="next"'} if begin + size < len(every) else {}
    return Reply(200, every[begin : begin + size], more)


@route(AppsClient.redeliver_webhook_delivery, APP)
def deliver_again(call: Call) -> Reply:
    number = int(call.values["delivery_id"])
    if number not in [one["id"] for one in call.github.deliveries]:
        raise Refusal(404, "Not Found")
    call.github.delivered_again.append(number)
    return Reply(202, {})


def delivery(number: int, guid: str, status: int, at: float, **more: Any) -> dict[str, Any]:
    """A delivery as GitHub remembers it."""
    return example(models.HookDeliveryItem) | {
        "id": number,
        "guid": guid,
        "status_code": status,
        "delivered_at": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "redelivery": False,
        **more,
    }


def proves(token: str, app_id: int, public_key: str) -> bool:
    """Whether a token is what the App signed, by GitHub's rules: for ten minutes at most."""
    try:
        claims = jwt.decode(token, public_key, algorithms=["RS256"], issuer=str(app_id))
    except jwt.PyJWTError:
        return False
    return claims["exp"] - time.time() <= 600
