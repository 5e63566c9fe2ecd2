NAME flow_trade_qp
ROWS
 N    gft
 E    p_noon
 E    d_load
 E    d_plant
 E    d_import
 E    d_export
COLUMNS
    x_load    p_noon    1
    x_load    d_load    1
    x_plant    p_noon    1
    x_plant    d_plant    1
    x_import    p_noon    1
    x_import    d_import    1
    x_export    p_noon    1
    x_export    d_export    1
    y_load_0    gft    -100    d_load    -1
    y_plant_0    gft    -20    d_plant    -1
    y_import_0    gft    -70    d_import    -1
    y_export_0    gft    -30    d_export    -1
BOUNDS
 FR BND    x_load
 FR BND    x_plant
 FR BND    x_import
 FR BND    x_export
 LO BND    y_load_0    0
 UP BND    y_load_0    100
 LO BND    y_plant_0    -20
 UP BND    y_plant_0    0
 MI BND    y_import_0
 UP BND    y_import_0    0
 LO BND    y_export_0    0
 PL BND    y_export_0
QUADOBJ
    y_load_0    y_load_0    0.5
    y_plant_0    y_plant_0    1
    y_import_0    y_import_0    -0
    y_export_0    y_export_0    -0
ENDATA
