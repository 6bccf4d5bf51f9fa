SITENAME = 'Moss'
