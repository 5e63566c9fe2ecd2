UPDATE curve SET valid_until = $instant WHERE valid_until IS NULL AND demand IN (SELECT unnest($demand::UUID[]));
