"""Wrong inputs made from right ones, for Hypothesis."""

from hypothesis import strategies as st

TOKENS = [
    b"[", b"]", b"{", b"}", b":", b"\n", b"- ", b"&a ", b"*a", b"!!int ", b"${", b"null", b"NaN",
    b"-1", b"0", b"1e999", b"99999999999999999999", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe",
    b"<<<<<<< a\n", b"'", b'"', b",", b"=", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0",
]  # fmt: skip


@st.composite
def mutated(draw, seeds):
    """Bytes of one of the seeds, after a few changes at random places."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(["flip", "insert", "delete", "token", "repeat", "cut"]))
        size = draw(st.integers(1, 40))
        if kind == "flip" and at < len(content):
            content[at] = draw(st.integers(0, 255))
        elif kind == "insert":
            content[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "delete":
            del content[at : at + size]
        elif kind == "token":
            token = draw(st.sampled_from(TOKENS))
            content[at : at + draw(st.sampled_from([0, len(token)]))] = token
        elif kind == "repeat":
            content[at:at] = content[at : at + size] * draw(st.sampled_from([1, 2, 300]))
        elif kind == "cut":
            del content[at:]
    return bytes(content)
