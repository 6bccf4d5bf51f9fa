SITENAME = 'Reeds'
