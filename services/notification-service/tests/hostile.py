"""Texts that people could type to make a mail into something else."""

from hypothesis import strategies as st

HOSTILE = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=60),
    st.sampled_from(
        [
            "A\r\nBcc: victim@x.example",
            "A\nSubject: other",
            "A\rB",
            "=?utf-8?q?=0D=0ABcc:_v@x.example?=",
            '"Nordlicht, Studio" <x@y.example>, other@z.example',
            "Müller, Söhne & Co. <GmbH>" * 4,
            "</mj-text><mj-raw><script>alert(1)</script></mj-raw>",
            "{{ 7*7 }} {% raw %}",
            "<!--[if mso]>x<![endif]-->",
            "a" * 300,
            "日本語" * 30,
            "\u2028\u2029\x85\x0b\x0c",
            "x" * 80 + " " + "ü" * 80 + ", y",
        ]
    ),
)
