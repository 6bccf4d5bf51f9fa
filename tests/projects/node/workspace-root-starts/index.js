require('menu').print();
