console.log(Deno.env.get("CRON_KEY"));
