"""Reports as one HTML page each: text, tables, pictures and plots, all inside the one file.

A page opens without a network and can be mailed. What it shows is handed over as data and escaped
by the template; plots come from matplotlib as SVG, pictures are packed as JPEG.
"""

import base64
import io
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import PurePosixPath
from typing import Any

import cv2
import jinja2
import numpy as np
import numpy.typing as npt

from tools.workshop.places import Place

_TEMPLATE = jinja2.Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem;
  border-bottom: 1px solid #d5dae0; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #e6e9ed; }
th:first-child, td:first-child { text-align: left; }
figure { display: inline-block; margin: .3rem; vertical-align: top; }
figure img { display: block; max-width: 100%; } figcaption { font-size: .75rem; max-width: 14rem;
  overflow-wrap: anywhere; color: #57606a; }
.plot svg { max-width: 100%; height: auto; }
.note { color: #57606a; }
</style></head><body>
<h1>{{ title }}</h1>
{% for part in parts %}
{% if part.kind == "section" %}<h2>{{ part.text }}</h2>
{% elif part.kind == "text" %}<p>{{ part.text }}</p>
{% elif part.kind == "table" %}<table><thead><tr>{% for name in part.head %}<th>{{ name }}</th>
{%- endfor %}</tr></thead><tbody>
{% for row in part.rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table>
{% elif part.kind == "pictures" %}<div>{% for source, caption in part.pictures %}<figure>
<img src="{{ source }}" alt="{{ caption }}"><figcaption>{{ caption }}</figcaption></figure>
{% endfor %}</div>
{% elif part.kind == "plot" %}<div class="plot">{{ part.svg | safe }}</div>
{% endif %}{% endfor %}
</body></html>
""")


class Page:
    """A report in the making; parts appear in the order in which they are added.

    Args:
        title: Of the page.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._parts: list[dict[str, Any]] = []

    def section(self, text: str) -> None:
        """Begin a section."""
        self._parts.append({"kind": "section", "text": text})

    def text(self, text: str) -> None:
        """A paragraph of plain text."""
        self._parts.append({"kind": "text", "text": text})

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table; cells are shown as `str` shows them."""
        self._parts.append({"kind": "table", "head": head, "rows": [list(row) for row in rows]})

    def pictures(self, pictures: Iterable[tuple[npt.NDArray[np.uint8], str]]) -> None:
        """Pictures, uint8[H, W, 3] BGR, side by side, each with its caption."""
        shown = [(_packed(pixels), caption) for pixels, caption in pictures]
        self._parts.append({"kind": "pictures", "pictures": shown})

    def plot(self, draw: Callable[[Any], None], *, width: float = 7.0, height: float = 4.0) -> None:
        """A plot.

        Args:
            draw: Is given matplotlib axes to draw on.
            width: Inches.
            height: Inches.
        """
        # The object interface: pyplot keeps figures alive and picks a window system.
        figure = import_module("matplotlib.figure").Figure((width, height), layout="constrained")
        draw(figure.add_subplot())
        text = io.StringIO()
        # Without a date and with a fixed salt the same data gives the same file.
        with import_module("matplotlib").rc_context({"svg.hashsalt": "sorterd"}):
            figure.savefig(text, format="svg", metadata={"Date": None})
        drawn = text.getvalue()
        self._parts.append({"kind": "plot", "svg": drawn[drawn.index("<svg") :]})

    def html(self) -> str:
        """The whole page."""
        return _TEMPLATE.render(title=self._title, parts=self._parts)

    def write(self, path: str) -> None:
        """Write the page to a local path or into a bucket.

        Raises:
            WorkshopFault: It cannot be written.
        """
        write_file(path, self.html().encode())


def write_file(path: str, content: bytes) -> None:
    """Write one file by its own address, local or in a bucket, whole or not at all.

    Raises:
        WorkshopFault: It cannot be written.
    """
    scheme, mark, rest = path.rpartition("://")
    at = PurePosixPath(rest)
    Place(f"{scheme}{mark}{at.parent}").write(at.name, content)


def _packed(pixels: npt.NDArray[np.uint8]) -> str:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
