AUTHOR = 'R. Fern'
SITENAME = 'Herbarium'
PATH = 'leaves'
OUTPUT_PATH = 'public/'
