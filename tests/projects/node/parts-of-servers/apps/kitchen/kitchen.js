console.log('stew');
