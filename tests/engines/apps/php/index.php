<?php
if ($_SERVER['REQUEST_URI'] === '/healthz') {
    echo 'ok';
} else {
    echo 'greeting one';
}
