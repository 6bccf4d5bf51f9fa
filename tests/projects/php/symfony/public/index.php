<?php
use App\Kernel;
