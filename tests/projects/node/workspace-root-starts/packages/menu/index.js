exports.print = () => console.log('soup');
