exports.greeting = 'greeting one';
