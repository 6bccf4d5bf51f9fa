document.querySelector('#app').textContent = 'a page made by a bundler';
