import chimes

chimes.serve()
