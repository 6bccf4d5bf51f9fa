project = 'Guide'
extensions = ['myst_parser']
html_theme = 'furo'
