<?php
echo 'Marbles';
