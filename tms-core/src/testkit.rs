//! What tests of TMS and of programs that embed it need.
