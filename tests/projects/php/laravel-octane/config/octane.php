<?php
return ['server' => env('OCTANE_SERVER', 'frankenphp')];
