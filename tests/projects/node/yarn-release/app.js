console.log('purl');
