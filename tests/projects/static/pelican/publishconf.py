from pelicanconf import *

SITEURL = 'https://herbarium.example'
