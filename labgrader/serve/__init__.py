"""The lab in the browser: a small web server on loopback, and a process with the lab per visitor.

``server`` speaks to browsers and ``guard`` decides who may; ``session`` keeps one lab's process;
``driver`` is the other end of it, inside the lab. See docs/adr/0018-browser.md.
"""

BROWSER = "LABGRADER_BROWSER"
"""Set in the environment of a lab that a browser shows; standard output is no terminal there."""
