def build(c):
    c.run('pelican')
