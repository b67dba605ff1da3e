"""What programs that `exec` and `notebook` run find on their PYTHONPATH.

Belongs here: `sitecustomize`, which their Python imports at its start, whatever its version and whether or not this
package is installed for it. It uses the standard library alone, and loads next to nothing before it is needed.
"""
