"""The terminal user interface: a thin shell over ``labgrader.app.workbench``.

Start at ``app.run_app``. Nothing here talks to a cluster: ``feed`` listens to the engine in a
thread, ``state`` turns what it says into values, widgets show values.
"""
