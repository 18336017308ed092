"""The server's process: what it may keep open, and that it asks nobody outside."""

import contextlib

import psutil

_ENOUGH = 65536  # a visitor keeps four while here, and three for a while afterwards
_SPARE = 64  # for files, and for answers to those who are here


def raise_open_files() -> None:
    """Raise the limit of open files as far as this process may: macOS begins with 256."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    for limit in (most, 10240):  # macOS refuses more than its own OPEN_MAX
        if soft != resource.RLIM_INFINITY and soft < limit:
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
                return


def has_room() -> bool:
    """Whether another visitor may come: without files to open, nobody here would be answered."""
    try:
        import resource
    except ImportError:
        return True
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit == resource.RLIM_INFINITY or psutil.Process().num_fds() < limit - _SPARE


def announce() -> None:
    """Print the address by which others in this network reach the server, if they do."""
    import streamlit as st
    from streamlit import net_util

    own = net_util.get_internal_ip()  # of the socket that would lead outside; nothing is sent
    if own and not st.get_option("server.address"):
        scheme = "https" if st.get_option("server.sslCertFile") else "http"
        base = (st.get_option("server.baseUrlPath") or "").strip("/")
        port = st.get_option("server.port")
        print(f"  For others in this network: {scheme}://{own}:{port}/{base}\n", flush=True)


def ask_nobody() -> None:
    """Keep Streamlit from asking an outside server for this machine's public address.

    It does so on its event loop, where a page of another origin knocks: nobody is answered
    meanwhile. (At its start, too, unless `browser.serverAddress` is set, as .streamlit has it.)
    """

    from streamlit import net_util

    def unknown() -> None:
        return None

    net_util.get_external_ip = unknown
