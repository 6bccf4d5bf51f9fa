const host = process.env.SMTP_HOST;
console.log(host);
