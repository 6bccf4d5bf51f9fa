from fasthtml.common import *

app, rt = fast_app()


@rt('/')
def get():
    return Titled('Kites', P('Wind from the west'))
