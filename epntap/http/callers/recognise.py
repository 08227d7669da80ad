"""Every request is asked once who it is from; what depends on that is kept by no cache."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import flask

from epntap.access import ANONYMOUS, Caller, Credentials, Scope, SigningIn
from epntap.addresses import AMDA, DAS2, DATA, FILES, HAPI_SERVER, LOGIN, LOGOUT, PLOT, PREVIEW, TAP_PATHS, Addresses
from epntap.errors import AuthenticationError, EpnTapError, ForbiddenError
from epntap.http.browsers.negotiation import wants_page
from epntap.http.browsers.origin import is_of_other_site
from epntap.http.callers.challenges import challenge, name_caller
from epntap.http.callers.cookie import forget_session, session_cookie
from epntap.http.callers.signed import Signatures, SignedPaths, signature_of

__all__ = ["PRIVATE", "recognise_callers", "refusal"]

#: of whatever depends on the caller
PRIVATE = "private, no-store"

#: what is the same for everybody, so that an old cookie does no harm there, and where one signs in
_FOR_EVERYBODY = ("/static", "/health", "/metrics", "/robots.txt", "/favicon.ico", "/help", LOGIN, LOGOUT)
#: what programs ask, who are told how they may sign in
_OFFERED = (*TAP_PATHS, "/datalink", HAPI_SERVER, DAS2, DATA, FILES, PREVIEW, PLOT)
#: where names and passwords are parameters, and wrong ones are no fault (AMDA): servers there ask `refusal`
_IN_PARAMETERS = f"{AMDA}/"
_SIGNED_FOR = frozenset({"GET", "HEAD"})
#: what the key of signed addresses is for
ADDRESSES = "addresses"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def recognise_callers(app: flask.Flask, signing_in: SigningIn, addresses: Addresses) -> None:
    """Know the caller of each request before its server is asked, and say so in the answer.

    Raises AuthenticationError for credentials that are not good: who believes to have signed in never gets the answer
    for everybody without a word.
    """
    app.wsgi_app = SignedPaths(app.wsgi_app)  # type: ignore[method-assign]

    @app.before_request
    def recognise() -> None:
        path = flask.request.path
        if (signature := signature_of(flask.request.environ)) is not None:
            flask.g.caller = _signer(signing_in, signature)
            return
        if _is_below(path, _FOR_EVERYBODY):
            return
        given = _credentials(path)
        flask.g.caller = _caller(signing_in, given, path)
        if not flask.g.caller.is_anonymous:
            _refuse_misuse(flask.g.caller, given, addresses)
            flask.g.sign = partial(_sign, signing_in, flask.g.caller.name)

    @app.after_request
    def tell(response: flask.Response) -> flask.Response:
        if signature_of(flask.request.environ) is not None:
            response.headers["Cache-Control"] = PRIVATE
            response.headers["Referrer-Policy"] = "no-referrer"
        elif not _is_below(flask.request.path, _FOR_EVERYBODY) and signing_in.in_use():
            _tell_caller(response, addresses)
        return response


def _tell_caller(response: flask.Response, addresses: Addresses) -> None:
    response.vary.update(("Authorization", "Cookie"))
    caller: Caller | None = flask.g.get("caller")
    is_refused = caller is None and response.status_code == 401
    if caller is not None and not caller.is_anonymous:
        name_caller(response, caller.name)
        response.headers["Cache-Control"] = PRIVATE
    elif is_refused or _is_below(flask.request.path, _OFFERED):
        challenge(response, addresses, refused=is_refused, to_browser=wants_page())
    if is_refused:
        response.headers["Cache-Control"] = PRIVATE
        if session_cookie():
            forget_session(response, addresses)


def _signer(signing_in: SigningIn, signature: str) -> Caller:
    """Who has signed the address, with the groups of this moment. Raises AuthenticationError."""
    request = flask.request
    if request.method not in _SIGNED_FOR or not _is_below(request.path, _OFFERED):
        raise AuthenticationError("A signed address is to be read, and of data only.")
    signatures = Signatures(signing_in.key_for(ADDRESSES))
    query = request.query_string.decode("utf-8", "replace")
    found = signing_in.named(signatures.name_in(signature, request.path, query))
    if found is None:
        raise AuthenticationError("Whoever had this address signed may not sign in any more.")
    return replace(found, scopes=frozenset({Scope.READ}))


def _sign(signing_in: SigningIn, name: str, address: str, base: str) -> str:
    return Signatures(signing_in.key_for(ADDRESSES)).sign(address, base, name)


def _caller(signing_in: SigningIn, given: Credentials, path: str) -> Caller:
    try:
        return signing_in.recognise(given) if given else ANONYMOUS
    except AuthenticationError as error:
        if not path.startswith(_IN_PARAMETERS):
            raise
        flask.g.refusal = error
        return ANONYMOUS


def _refuse_misuse(caller: Caller, given: Credentials, addresses: Addresses) -> None:
    """Raises ForbiddenError for a cookie that the page of another site has made the browser send, and for scopes."""
    by_cookie = not given.authorization and given.name_and_password is None
    if by_cookie and flask.request.method not in _READS and is_of_other_site(addresses):
        raise ForbiddenError("This comes from a page of another site; please use the page of this service.")
    if Scope.READ not in caller.scopes:
        raise ForbiddenError("This token does not let anything be read; it lacks the scope 'read'.")


def _credentials(path: str) -> Credentials:
    request = flask.request
    given = Credentials(
        authorization=request.headers.get("Authorization", ""),
        cookie=session_cookie(),
        client=flask.g.get("client") or "",
    )
    if given.authorization or not path.startswith(_IN_PARAMETERS):
        return given
    name, password = (request.values.get(one, "") for one in ("userID", "password"))
    if not (name and password):
        return given
    return Credentials(name_and_password=(name, password), client=given.client)


def refusal() -> EpnTapError | None:
    """Why credentials were not taken, where that is no fault of the request."""
    found = flask.g.get("refusal")
    return found if isinstance(found, EpnTapError) else None


def _is_below(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)
