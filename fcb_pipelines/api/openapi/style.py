"""How the page for people looks, by itself: no font, picture or script from anywhere.

Owns: the style sheet and the policy that lets in nothing else. Does not own: what the page says (page).
"""

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--text:#1d2328;--soft:#5a6672;--line:#d9dee3;--back:#fff;--box:#f5f7f9;--link:#0b5cad;
--get:#0b6b50;--post:#8a3b12;--good:#0b6b50;--bad:#9a2020}
@media (prefers-color-scheme:dark){:root{--text:#e3e7ea;--soft:#9aa7b3;--line:#37414a;--back:#14181b;--box:#1d2327;
--link:#7db7f2;--get:#6fd0ae;--post:#f0a97c;--good:#6fd0ae;--bad:#f09a9a}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--back);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
.page{display:grid;grid-template-columns:19rem minmax(0,50rem);gap:3rem;max-width:76rem;margin:0 auto;padding:2rem 1.5rem 6rem}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow-y:auto;padding:.5rem 0 2rem;font-size:.875rem}
nav ul{list-style:none;margin:0 0 1.25rem;padding:0}
nav li{padding:.2rem 0;overflow-wrap:anywhere;line-height:1.35}
nav p{margin:0 0 .25rem;color:var(--soft);font-weight:600}
nav a{text-decoration:none}
a{color:var(--link)}
a:hover{text-decoration:underline}
h1{font-size:2.1rem;line-height:1.2;margin:0 0 1rem}
h1 small{font-size:1rem;font-weight:400;color:var(--soft)}
h2{font-size:1.5rem;line-height:1.3;margin:4rem 0 .5rem;padding-top:1.5rem;border-top:1px solid var(--line);
overflow-wrap:anywhere}
h2 code{font-size:1em;background:none;padding:0}
h3{font-size:1.1rem;margin:2rem 0 .5rem}
h4{font-size:1rem;margin:1.5rem 0 .25rem;overflow-wrap:anywhere}
p,ul{margin:.6rem 0}
.lead{font-size:1.1rem;color:var(--soft);margin-top:0}
.method{font:600 .8em ui-monospace,monospace;letter-spacing:.03em}
.get{color:var(--get)}
.post{color:var(--post)}
.good{color:var(--good)}
.bad{color:var(--bad)}
.soft{color:var(--soft);font-size:.875rem}
code,pre{font:.875em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
code{background:var(--box);padding:.1em .3em;border-radius:3px;overflow-wrap:anywhere}
pre{background:var(--box);border:1px solid var(--line);border-radius:6px;padding:.8rem 1rem;overflow-x:auto;margin:.4rem 0 1rem}
dl{margin:.5rem 0}
dt{margin-top:.8rem}
dd{margin:.1rem 0 0 1.25rem}
dd p{margin:.15rem 0}
details{border-bottom:1px solid var(--line);padding:.45rem 0}
summary{cursor:pointer}
dd details{border:0;padding:.1rem 0}
details>div{padding:.2rem 0 .4rem 1.1rem}
@media (max-width:62rem){.page{display:block;padding:1.25rem 1rem 4rem}.wide{display:none}
nav{position:static;max-height:none;border:1px solid var(--line);border-radius:6px;padding:.8rem 1rem 0;margin-bottom:2rem}
h1{font-size:1.7rem}h2{font-size:1.25rem}dd{margin-left:.75rem}}
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Content-Security-Policy: nothing is loaded from anywhere, and nothing runs."""
