NAME flow_trade_qp
ROWS
 N    gft
 E    p_gas
 E    p_power
 E    d_gas
 E    d_power
 E    d_plant
COLUMNS
    x_gas    p_gas    1
    x_gas    d_gas    1
    x_power    p_power    1
    x_power    d_power    1
    x_plant    p_gas    2
    x_plant    p_power    -1
    x_plant    d_plant    2
    y_gas_0    gft    -5    d_gas    -1
    y_power_0    gft    -50    d_power    -1
    y_plant_0    gft    2    d_plant    -1
BOUNDS
 FR BND    x_gas
 FR BND    x_power
 FR BND    x_plant
 LO BND    y_gas_0    -100
 UP BND    y_gas_0    0
 LO BND    y_power_0    0
 UP BND    y_power_0    100
 LO BND    y_plant_0    0
 UP BND    y_plant_0    100
QUADOBJ
    y_gas_0    y_gas_0    0.1
    y_power_0    y_power_0    0.5
    y_plant_0    y_plant_0    -0
ENDATA
