<?php
namespace Acme\Money;
