"""The checks of the lab "Onboard a team".

Each file declares checks of one subject. They import ``labgrader.api`` and ``labgrader.toolkit``
alone; what several files need is in ``_shared``.
"""
