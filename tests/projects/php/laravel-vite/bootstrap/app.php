<?php
return Application::configure()->withRouting(web: 'web.php', health: '/up')->create();
